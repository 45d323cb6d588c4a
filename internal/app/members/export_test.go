package members

// What lists use.
var (
	EncodeCursor = encodeCursor
	DecodeCursor = decodeCursor
)
