package llm_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

const header = "provider,model,window,input,cache_read,cache_write,output\n"

// prices returns the embedded table with rows of a file.
func prices(t testing.TB, rows string) *llm.Prices {
	t.Helper()
	p, err := loadRows(t, header+rows)
	require.NoError(t, err)
	return p
}

func loadRows(t testing.TB, table string) (*llm.Prices, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prices.csv")
	require.NoError(t, os.WriteFile(file, []byte(table), 0o600))
	return llm.LoadPrices(file)
}

func model(provider, name string) llm.Info { return llm.Info{Provider: provider, Model: name} }

func TestCost(t *testing.T) {
	t.Parallel()
	p := prices(t, "acme,m,1000,2,0.5,3,8\nacme,tiny,1000,0.000001,,,0\nazure_openai,own,1000,7,,,7\n")
	const m = 1_000_000
	tests := map[string]struct {
		info  llm.Info
		usage llm.Usage
		want  llm.Cost
		known bool
	}{
		"input and output":                {model("acme", "m"), llm.Usage{Input: 1000, Output: 100}, 2800, true},
		"cache":                           {model("acme", "m"), llm.Usage{Input: 1000, CacheRead: 400, CacheWrite: 200}, 400*2 + 200 + 600, true},
		"the cache is the input at most":  {model("acme", "m"), llm.Usage{Input: 10, CacheRead: 400}, 200, true},
		"an empty price of the cache":     {model("azure_openai", "own"), llm.Usage{Input: 10, CacheRead: 10}, 70, true},
		"a part of a micro-dollar":        {model("openai", "gpt-4o-mini"), llm.Usage{Input: 1}, 1, true},
		"an exact amount is not rounded":  {model("openai", "gpt-4o-mini"), llm.Usage{Input: 100}, 15, true},
		"a tiny price":                    {model("acme", "tiny"), llm.Usage{Input: 1}, 1, true},
		"nothing":                         {model("acme", "m"), llm.Usage{}, 0, true},
		"negative counts":                 {model("acme", "m"), llm.Usage{Input: -5, Output: -5}, 0, true},
		"absurd counts":                   {model("acme", "m"), llm.Usage{Input: math.MaxInt, Output: math.MaxInt}, 100 * m * (2 + 8), true},
		"a dated version":                 {model("openai", "gpt-4o-2024-11-20"), llm.Usage{Input: m}, 2_500_000, true},
		"a dated version of Claude":       {model("claude", "claude-sonnet-4-5-20250929"), llm.Usage{Output: m}, 15 * m, true},
		"the latest version":              {model("claude", "claude-haiku-4-5-latest"), llm.Usage{Output: m}, 5 * m, true},
		"a deployment named like a model": {model("azure_openai", "gpt-4o"), llm.Usage{Input: m}, 2_500_000, true},
		"a deployment with a row":         {model("azure_openai", "own"), llm.Usage{Input: 10}, 70, true},
		"Ollama runs on own machines":     {model("ollama", "anything"), llm.Usage{Input: m, Output: m}, 0, true},
		"a longer name is another model":  {model("openai", "gpt-4o-huge"), llm.Usage{Input: m, Output: m}, 210 * m, false},
		"a model of another provider":     {model("claude", "gpt-4o"), llm.Usage{Input: m}, 30 * m, false},
		"an unknown deployment":           {model("azure_openai", "prod"), llm.Usage{Output: m}, 180 * m, false},
		"an unknown provider":             {model("x", ""), llm.Usage{Input: 1}, 30, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, known := p.Cost(tt.info, tt.usage)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.known, known)
		})
	}
}

func TestPricesFileOverridesRows(t *testing.T) {
	t.Parallel()
	p := prices(t, "# own\nopenai, gpt-4o, 64000, 1,,, 2\nopenai,*,8000,3,,,3\nollama,llama3,131072,0,0,0,0\nx,dear,0,100,,,1000\n")
	cost, _ := p.Cost(model("openai", "gpt-4o"), llm.Usage{Input: 1_000_000})
	assert.Equal(t, llm.Cost(1_000_000), cost)
	cost, known := p.Cost(model("openai", "local"), llm.Usage{Input: 1})
	assert.True(t, known, "* is the row of all other models")
	assert.Equal(t, llm.Cost(3), cost)
	cost, _ = p.Cost(model("y", "z"), llm.Usage{Input: 1, Output: 1})
	assert.Equal(t, llm.Cost(1100), cost, "the dearest price may be one of the file")
	var adapters []llm.Adapter
	for _, info := range []llm.Info{
		model("openai", "gpt-4o"), model("openai", "local"), model("openai", "gpt-4o-mini"),
		model("ollama", "llama3"), model("ollama", "other"), model("y", "z"),
	} {
		adapters = append(adapters, &fake{info: info})
	}
	c, err := llm.NewChain(adapters, llm.ChainOptions{Prices: p})
	require.NoError(t, err)
	assert.Equal(t, []int{64000, 8000, 128000, 131072, 4096, 0}, c.Windows())
}

func TestInvalidPricesFile(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{
		"":                              "first row",
		"provider,model\n":              "first row",
		header + "a,b,1,1\n":            "line 2",
		header + ",b,1,1,1,1,1\n":       "line 2: provider",
		header + "a,,1,1,1,1,1\n":       "line 2: provider",
		header + "a,b,-1,1,1,1,1\n":     "line 2: window",
		header + "\na,b,1,x,1,1,1\n":    "line 3: input",
		header + "a,b,1,,1,1,1\n":       "line 2: input",
		header + "a,b,1,1,-1,1,1\n":     "line 2: cache_read",
		header + "a,b,1,1,1,NaN,1\n":    "line 2: cache_write",
		header + "a,b,1,1,1,1,\n":       "line 2: output",
		header + "a,b,1,1,1,1,10001\n":  "line 2: output",
		header + "a,b,1,1e-7,1,1,1\n":   "six decimals",
		header + "a,b,99999999999,1,,,": "line 2: window",
	} {
		_, err := loadRows(t, table)
		assert.ErrorContains(t, err, want, table)
	}
	_, err := llm.LoadPrices("/no/such/file")
	assert.ErrorIs(t, err, os.ErrNotExist)
	var problems []string
	llm.Config{PricesFile: "/no/such/file"}.Validate(func(variable, rule, message string) {
		problems = append(problems, variable+" "+rule+" "+message)
	})
	assert.Equal(t, []string{"LLM_PRICES_FILE format read the file of prices: no such file or directory"}, problems)
}

func FuzzPrices(f *testing.F) {
	f.Add(header + "a,b,1,1,1,1,1\n# c\n\"d\",e,0,0.000001,,,9999.999999\n")
	f.Add(header + "a,b,1,1e-320,,,\n")
	f.Fuzz(func(t *testing.T, table string) {
		p, err := loadRows(t, table)
		if err != nil {
			return
		}
		// No table makes anything free that is not known, or an amount negative.
		cost, known := p.Cost(model("no such provider", "m"), llm.Usage{Input: 1, Output: math.MaxInt})
		assert.False(t, known)
		assert.GreaterOrEqual(t, cost, 180*llm.Cost(100_000_000))
		for line := range strings.Lines(table) {
			if row := strings.Split(line, ","); len(row) > 1 {
				cost, _ := p.Cost(model(row[0], row[1]), llm.Usage{Input: math.MaxInt, CacheRead: 7, Output: math.MaxInt})
				assert.GreaterOrEqual(t, cost, llm.Cost(0))
			}
		}
	})
}

func TestWorst(t *testing.T) {
	t.Parallel()
	const table = "cheap,m,0,1,,,1\ndear,m,0,1,,,10\ncached,m,0,1,1,50,1\n"
	config := llm.Config{MaxTokens: 100}
	r := &llm.Request{System: "one two", Messages: []llm.Message{{Role: llm.RoleUser, Text: "three"}}}
	input := llm.Cost(llm.EstimateInput(r))
	cheap, dear, cached := newFake("cheap"), newFake("dear"), newFake("cached")
	assert.Equal(t, input+100, newChain(t, config, table, cheap).Worst(r))
	assert.Equal(t, input+1000, newChain(t, config, table, cheap, dear).Worst(r))
	assert.Equal(t, 50*input+100, newChain(t, config, table, cheap, cached).Worst(r), "the provider may write all to its cache")
	r.MaxTokens = 7
	assert.Equal(t, input+7, newChain(t, config, table, cheap).Worst(r), "the bound of the request")
}

// The counts are those of the tokenizers cl100k_base and o200k_base of OpenAI, of which the higher
// one is given.
func TestEstimateTokens(t *testing.T) {
	t.Parallel()
	for text, tokens := range map[string]int{
		"Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt. Das Deutsche Volk bekennt sich darum zu unverletzlichen und unveräußerlichen Menschenrechten als Grundlage jeder menschlichen Gemeinschaft.": 68,
		"Les représentants du peuple français, constitués en Assemblée nationale, considérant que l'ignorance, l'oubli ou le mépris des droits de l'homme sont les seules causes des malheurs publics":                                                                  53,
		"THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG AND EVERYTHING ELSE IN CAPITALS":                                                                            21,
		"Все люди рождаются свободными и равными в своем достоинстве и правах.":                                                                                  33,
		"人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。":                                                                                                            52,
		"すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。":                                                                                                             45,
		"모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.":                                                                85,
		"सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।":                                                                84,
		"يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.":                                       80,
		"የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።":                                                                                                           104,
		"Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto.":                                     44,
		"func (b *breaker) pause() (left time.Duration, asked bool) {\n\tb.mu.Lock()\n\tdefer b.mu.Unlock()\n\treturn max(0, time.Until(b.until)), b.asked\n}\n": 43,
		`{"id":"01a21fa7-eddd-78be-8454-be673ccc90ff","level":"info","pool_size":8,"tags":["a","b"],"time":"2026-11-28T00:57:08Z","ok":true}`:                    58,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855":                                                                                       35,
		"so it is on me to do as we go by it":     12,
		strings.Repeat("😀🎉🚀👩‍👩‍👧 ", 20):           402,
		strings.Repeat("1234567890 3.14159 ", 30): 300,
		strings.Repeat("\n", 1000):                63,
		strings.Repeat("!@#$%^&*()_+{}|:<>?", 20): 261,
		strings.Repeat("a", 1000):                 125,
	} {
		got := float64(llm.EstimateTokens(text)) / float64(tokens)
		assert.InDelta(t, 1.25, got, 0.75, "estimate / tokens of %.20s", text) // 0.5 to 2
	}
	english := strings.Repeat("The service sends no mail, so it does not know whose an email is. ", 100)
	assert.InEpsilon(t, len(english)/4, llm.EstimateTokens(english), 0.25)
	assert.Zero(t, llm.EstimateTokens(""))
}

// Everything that a provider counts is part of the estimate.
func TestEstimateInput(t *testing.T) {
	t.Parallel()
	last := llm.EstimateInput(&llm.Request{})
	r := &llm.Request{}
	for name, add := range map[string]func(){
		"system":   func() { r.System = "word" },
		"messages": func() { r.Messages = append(r.Messages, llm.Message{Text: "word"}) },
		"images":   func() { r.Messages = append(r.Messages, llm.Message{Images: make([]llm.Image, 1)}) },
		"calls": func() {
			r.Messages = append(r.Messages, llm.Message{ToolCalls: []llm.ToolCall{{Name: "f", Arguments: []byte(`{"a":1}`)}}})
		},
		"tools":  func() { r.Tools = []llm.Tool{{Name: "f", Description: "word", Parameters: []byte(`{}`)}} },
		"schema": func() { r.Schema = &llm.Schema{Name: "s", Schema: []byte(`{}`)} },
	} {
		add()
		n := llm.EstimateInput(r)
		assert.Greater(t, n, last, name)
		last = n
	}
}
