package logging

import "context"

// Audit logs what an auditor will look for, at info, with the field audit=true. It is never sampled.
func (l Logger) Audit(ctx context.Context, event string, fields ...Field) {
	l.Info(ctx, event, audited(fields)...)
}

// AuditWarn is [Logger.Audit] for what was refused or looks like an attack, at warning.
func (l Logger) AuditWarn(ctx context.Context, event string, fields ...Field) {
	l.Warn(ctx, event, audited(fields)...)
}

func audited(fields []Field) []Field {
	return append([]Field{auditField}, fields...)
}

var auditField = Bool("audit", true)
