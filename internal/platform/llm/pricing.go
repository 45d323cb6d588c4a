package llm

import (
	_ "embed" // for the table of prices
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	million = 1_000_000
	// Products of these two stay below the largest Cost.
	maxPrice  = 10_000      // dollars per million tokens
	maxCounts = 100_000_000 // tokens; a provider that counts more makes no sense

	tokensOfImage = 2000 // of a large one
	tokensOfPart  = 8    // for the ends of a message, a call or a tool
)

//go:embed prices.csv
var embeddedPrices string

// pricesHeader is the first row of a table.
const pricesHeader = "provider,model,window,input,cache_read,cache_write,output"

// price is a row of the table. Each Cost is that of a million tokens.
type price struct {
	window                               int
	input, cacheRead, cacheWrite, output Cost
}

// Prices knows what models cost and how many tokens they take.
type Prices struct {
	rows    map[[2]string]price // by provider and model; the model * stands for all others of a provider
	dearest price               // each Cost is the highest of all rows; it has no window
}

// LoadPrices returns the table of this package, with the rows of a file in the same format, see
// prices.csv. Without a name there is no file.
func LoadPrices(file string) (*Prices, error) {
	p := &Prices{rows: map[[2]string]price{}}
	if err := p.add(embeddedPrices); err != nil || file == "" {
		return p, err
	}
	table, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // Config.Validate reports no values
	}
	if err == nil {
		err = p.add(string(table))
	}
	if err != nil {
		return nil, fmt.Errorf("read the file of prices: %w", err)
	}
	return p, nil
}

// add reads a table. Its rows replace those that were read before.
func (p *Prices) add(table string) error {
	r := csv.NewReader(strings.NewReader(table))
	r.Comment, r.TrimLeadingSpace = '#', true
	header, err := r.Read()
	if err != nil || strings.Join(header, ",") != pricesHeader {
		return fmt.Errorf("the first row must be %s", pricesHeader)
	}
	for {
		row, err := r.Read()
		if err == io.EOF { //nolint:errorlint // csv.Reader returns EOF itself
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // it names the line
		}
		v, err := parsePrice(row)
		if err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
		p.rows[[2]string{row[0], row[1]}] = v
		d := &p.dearest
		d.input, d.output = max(d.input, v.input), max(d.output, v.output)
		d.cacheRead, d.cacheWrite = max(d.cacheRead, v.cacheRead), max(d.cacheWrite, v.cacheWrite)
	}
}

func parsePrice(row []string) (v price, err error) {
	if row[0] == "" || row[1] == "" {
		return v, errors.Sentinel("provider and model must not be empty")
	}
	window, err := strconv.ParseUint(row[2], 10, 31)
	if err != nil || window > maxCounts {
		return v, fmt.Errorf("window must be a number of tokens, at most %d", maxCounts)
	}
	v.window = int(window)
	for i, cost := range []*Cost{&v.input, &v.cacheRead, &v.cacheWrite, &v.output} {
		text := row[3+i]
		if text == "" && (cost == &v.cacheRead || cost == &v.cacheWrite) {
			text = row[3]
		}
		dollars, err := strconv.ParseFloat(text, 64)
		micros := math.Round(dollars * million)
		// Not negative, not NaN, and without digits that rounding would lose.
		if err != nil || !(dollars >= 0 && dollars <= maxPrice) || math.Abs(micros-dollars*million) > 1e-3 {
			return v, fmt.Errorf("%s must be a number of dollars, at most %d, with at most six decimals",
				strings.Split(pricesHeader, ",")[3+i], maxPrice)
		}
		*cost = Cost(micros)
	}
	return v, nil
}

// versionSuffix is what names of models end with when they name a version: gpt-4o-2024-11-20.
var versionSuffix = regexp.MustCompile(`[-@](\d{8}|\d{4}-\d\d-\d\d|latest)$`)

// find returns the row of a model, or the dearest price if it is not known. The name of a deployment of
// Azure counts as that of a model, unless the table has a row for it.
func (p *Prices) find(i Info) (v price, known bool) {
	base := versionSuffix.ReplaceAllString(i.Model, "")
	keys := [][2]string{{i.Provider, i.Model}, {i.Provider, base}, {i.Provider, "*"}}
	if i.Provider == "azure_openai" {
		keys = slices.Insert(keys, 2, [2]string{"openai", i.Model}, [2]string{"openai", base})
	}
	for _, key := range keys {
		if v, ok := p.rows[key]; ok {
			return v, true
		}
	}
	return p.dearest, false
}

// Cost returns what a request cost, rounded up to a millionth of a dollar. A model that is not known
// costs as much as the dearest one.
func (p *Prices) Cost(i Info, u Usage) (cost Cost, known bool) {
	v, known := p.find(i)
	return v.cost(u), known
}

func (v *price) cost(u Usage) Cost {
	fresh := u.Input - u.CacheRead - u.CacheWrite
	sum := times(fresh, v.input) + times(u.CacheRead, v.cacheRead) + times(u.CacheWrite, v.cacheWrite) +
		times(u.Output, v.output)
	return (sum + million - 1) / million
}

// times returns what tokens cost in millionths of a Cost.
func times(tokens int, c Cost) Cost { return Cost(min(max(tokens, 0), maxCounts)) * c }

// EstimateInput returns about how many tokens a request has, as [EstimateTokens] does for a text.
func EstimateInput(r *Request) int {
	n := EstimateTokens(r.System)
	for _, m := range r.Messages {
		n += tokensOfPart + EstimateTokens(m.Text) + len(m.Images)*tokensOfImage
		for _, c := range m.ToolCalls {
			n += c.tokens()
		}
	}
	for _, t := range r.Tools {
		n += tokensOfPart + EstimateTokens(t.Name+t.Description) + EstimateTokens(string(t.Parameters))
	}
	if r.Schema != nil {
		n += EstimateTokens(r.Schema.Name) + EstimateTokens(string(r.Schema.Schema))
	}
	return n
}

func (c *ToolCall) tokens() int {
	return tokensOfPart + EstimateTokens(c.Name) + EstimateTokens(string(c.Arguments))
}

// EstimateTokens returns about how many tokens a text has, rather too many than too few: one for four
// small letters, more for other characters, and most for those with three or four bytes in UTF-8.
func EstimateTokens(text string) int {
	eighths := 0
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z' || r == ' ':
			eighths += 2
		case r == '\n' || r == '\r' || r == '\t': // of which a token has many
			eighths++
		case r >= 'A' && r <= 'Z':
			eighths += 4
		case r < utf8.RuneSelf:
			eighths += 6
		default:
			eighths += 5*utf8.RuneLen(r) - 2
		}
	}
	return (eighths + 7) / 8
}
