package logging

// sensitive reports whether the value of a field, struct field, map key or header of this name is to be kept out of the
// log. It looks at the words of the name, split at anything but letters and at camel humps, so that accessToken,
// db_password and X-API-Key are sensitive while tokens_used, author and key_count are not. It does not allocate.
func sensitive(name string) bool {
	var (
		buf   [24]byte // a longer word is known by its last bytes
		n     int
		hit   bool
		prev  wordClass
		class wordClass
	)
	endWord := func() {
		if n == 0 {
			return
		}
		prev, class = class, classify(buf[:n])
		n = 0
		switch {
		case class&secretWord != 0,
			class&keyWord != 0 && prev&keyOwner != 0,
			class&tokensWord != 0 && prev&tokenOwner != 0,
			class&stringWord != 0 && prev&connectionWord != 0:
			hit = true
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case isLower(c):
		case isUpper(c):
			if startsHump(name, i) {
				endWord()
			}
			c += 'a' - 'A'
		default:
			endWord()
			continue
		}
		if n == len(buf) {
			copy(buf[:], buf[1:])
			n--
		}
		buf[n] = c
		n++
	}
	endWord()
	if class&measureWord != 0 {
		return false // the name is about a secret: its type, count, age
	}
	if class&keyWord != 0 && prev&publicWord != 0 {
		return false // the half of a key pair that everybody may see
	}
	return hit || class&authWord != 0
}

// startsHump reports whether the capital at i begins a word: after a small letter (apiKey), or as the last capital of a
// run that goes on in small letters (APIKey).
func startsHump(name string, i int) bool {
	if i == 0 || !isLetter(name[i-1]) {
		return false
	}
	if isLower(name[i-1]) {
		return true
	}
	return i+1 < len(name) && isLower(name[i+1])
}

func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return isLower(c) || isUpper(c) }
func isAlnum(c byte) bool  { return isLetter(c) || isDigit(c) }
