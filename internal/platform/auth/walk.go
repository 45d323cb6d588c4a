package auth

// walks are the ways along which fingers go: rows and columns of keyboards, zigzags, the alphabet, the digits.
var walks = []string{
	"1234567890-=", "!@#$%^&*()_+", "0123456789", "abcdefghijklmnopqrstuvwxyz",
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", // US
	"qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", // German, French
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/", "!qaz", "@wsx", "#edc",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "a1b2c3d4e5f6g7h8i9j0",
}

// steps holds every step along a walk, forwards and backwards.
var steps = func() map[[2]rune]bool {
	set := map[[2]rune]bool{}
	for _, walk := range walks {
		along := []rune(walk)
		for i := 1; i < len(along); i++ {
			set[[2]rune{along[i-1], along[i]}] = true
			set[[2]rune{along[i], along[i-1]}] = true
		}
	}
	return set
}()

// isWalk reports whether the password consists of walks, or of one character many times, that are four characters long on
// average. Words of natural languages come to less than two.
func isWalk(password string) bool {
	const average = 4
	text := []rune(password)
	walks := 1
	for i := 1; i < len(text); i++ {
		if text[i] != text[i-1] && !steps[[2]rune{text[i-1], text[i]}] {
			walks++
		}
	}
	return len(text) >= average*walks
}
