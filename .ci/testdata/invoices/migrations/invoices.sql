-- +goose Up
create table invoices (
    id         uuid        primary key,
    tenant_id  uuid        not null references tenants (id) on delete cascade,
    number     text        not null check (char_length(number) between 1 and 50),
    customer   text        not null check (char_length(customer) between 1 and 200),
    amount     bigint      not null check (amount between 1 and 9007199254740991),
    currency   text        not null check (currency ~ '^[A-Z]{3}$'),
    due_date   date        not null,
    status     text        not null default 'draft' check (status in ('draft', 'sent', 'paid', 'void')),
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint invoices_tenant_id_number_key unique (tenant_id, number)
);
create index invoices_created_at_idx on invoices (tenant_id, created_at desc, id desc);
select tenant_table('invoices');

-- +goose Down
drop table invoices;
