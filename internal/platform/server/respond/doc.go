// Package respond writes answers. A handler ends with one of its functions:
//
//	return respond.WithETag(c, http.StatusOK, note.ETag(), note)
//
// # Lifting it out
//
// Copy the folder. It imports echo/v4 and nothing of this module.
package respond
