// Package members is who belongs to a tenant, and as what. A member is an account, which its email names across tenants,
// together with a role.
//
// # Rules
//
// Beside the permission users:write, which is asked of the role that the principal has now:
//
//   - The last owner stays, however many requests try at the same time.
//   - Only an owner makes, changes or removes an owner.
//   - Nobody changes their own role, but for an owner who steps down while there is another. Everybody may leave.
//   - An API key gives nobody a role that may do more than the key.
//
// Changes of the members of one tenant take turns. So of two that are each allowed, and together are not, the second one sees the
// first, and is refused.
//
// # Accounts
//
// Adding a member whose email has no account makes one, with the password that was given; the member can change it. An account
// that is there is taken where it was made in this tenant or is verified, see package account, and refused otherwise: whoever has
// it may not be whom the email stands for. It logs in as ever, and a password in the request is refused: it would be thought to
// be set. So who may add members can find out whether an email has an account. An account whose last membership is removed
// stays.
package members
