package logging

import (
	"bytes"
	"strings"
)

// wordClass says what a word does in a name. A word may be of several classes.
type wordClass uint16

const (
	secretWord     wordClass = 1 << iota // the value is a secret, unless a measureWord ends the name
	authWord                             // a secret at the end of the name only: basic_auth, but not auth_method
	keyWord                              // a secret after a keyOwner: private_key, but not sort_key
	keyOwner                             //
	tokensWord                           // a secret after a tokenOwner: refresh_tokens, but not max_tokens
	tokenOwner                           //
	connectionWord                       // a secret with a stringWord: connection_string
	stringWord                           //
	publicWord                           // makes no secret of a keyWord: jwt_public_keys
	measureWord                          // makes the name one that is about a secret: token_type, password_length
)

var wordClasses = classesOf(map[wordClass]string{
	secretWord: `password passwords passwd pwd pass passphrase passcode secret secrets token credential credentials creds
		authorization cookie cookies jwt bearer dsn otp totp cvv cvc ssn sig signature
		apikey apikeys accesskey privatekey secretkey signingkey connectionstring connstr`,
	authWord: `auth`,
	keyWord:  `key keys`,
	keyOwner: `api private secret access signing encryption decryption master shared hmac ssh rsa aes pem account storage
		service subscription license session webhook deploy client vault admin root jwt openai anthropic claude azure aws stripe`,
	tokensWord:     `tokens`,
	tokenOwner:     `access refresh auth bearer api id session csrf xsrf`,
	connectionWord: `connection conn`,
	stringWord:     `string str`,
	publicWord:     `public`,
	measureWord: `type types kind count counts total id ids name names length len size limit limits used usage budget cost
		rate ttl age expiry expires expired exp at in min max policy enabled required present valid verified algorithm algorithms alg
		version source status state method provider issuer audience scope scopes url uri endpoint path file dir attempts
		failures index format prefix domain samesite mode secure rejected issued created updated changed reset rotated ms seconds
		leeway lifetime duration timeout interval`,
})

func classesOf(lists map[wordClass]string) map[string]wordClass {
	classes := make(map[string]wordClass)
	for class, list := range lists {
		for word := range strings.FieldsSeq(list) {
			classes[word] |= class
		}
	}
	return classes
}

// runTogether are the endings that make a word secret although nothing separates it: dbpassword, accesstoken.
var runTogether = [][]byte{
	[]byte("password"), []byte("passwd"), []byte("passphrase"), []byte("token"), []byte("secret"), []byte("apikey"),
	[]byte("privatekey"), []byte("secretkey"), []byte("accesskey"), []byte("credentials"),
}

// classify returns the classes of a word in small letters.
func classify(word []byte) wordClass {
	if class, ok := wordClasses[string(word)]; ok {
		return class
	}
	for _, ending := range runTogether {
		if bytes.HasSuffix(word, ending) {
			return secretWord
		}
	}
	return 0
}
