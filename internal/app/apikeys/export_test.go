package apikeys

const (
	MaxKeys     = maxKeys
	SaveTimeout = saveTimeout
)
