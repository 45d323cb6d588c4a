package integration // part:notes file

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// llmProviders configure each provider with a server and a model called m.
var llmProviders = []struct {
	name string // in LLM_PROVIDER_CHAIN and in summaries
	env  func(url string) env
}{
	{"claude", func(url string) env { // part:claude
		return env{"ANTHROPIC_API_KEY": plantedKey, "ANTHROPIC_BASE_URL": url, "LLM_CLAUDE_MODEL": "m"} // part:claude
	}}, // part:claude
	{"openai", func(url string) env { // part:openai
		return env{"OPENAI_API_KEY": plantedKey, "OPENAI_BASE_URL": url + "/v1", "LLM_OPENAI_MODEL": "m"} // part:openai
	}}, // part:openai
	{"ollama", func(url string) env { // part:ollama
		return env{"OLLAMA_HOST": url, "LLM_OLLAMA_MODEL": "m"} // part:ollama
	}}, // part:ollama
}

const (
	plantedKey  = "sk-planted-Zq7wVx2Lk9"
	plantedText = "planted tomatoes in the garden"
)

// llmEnv configures some servers as the first providers, with a dollar for a million tokens of a
// request and two for those of an answer.
func llmEnv(t testing.TB, more env, servers ...*llmtest.Server) env {
	t.Helper()
	prices := "provider,model,window,input,cache_read,cache_write,output\n"
	all := env{"LLM_MAX_TOKENS": "100"}
	var chain []string
	for i, server := range servers {
		p := llmProviders[i]
		maps.Copy(all, p.env(server.URL))
		chain = append(chain, p.name)
		prices += p.name + ",m,4000,1,,,2\n"
	}
	all["LLM_PROVIDER_CHAIN"] = strings.Join(chain, ",")
	all["LLM_PRICES_FILE"] = filepath.Join(t.TempDir(), "prices.csv")
	require.NoError(t, os.WriteFile(all["LLM_PRICES_FILE"], []byte(prices), 0o600))
	maps.Copy(all, more)
	return all
}

// llmReplicas starts two replicas and returns clients of both for the same user, and the path of the
// summary of a note.
func llmReplicas(t testing.TB, e env) (replicas [2]*service, clients [2]client, path string) {
	t.Helper()
	e = maps.Clone(e)
	e["AUTH_JWT_PRIVATE_KEY"] = signingKey(t)
	replicas[0] = start(t, e)
	replicas[1] = startOn(t, replicas[0].dsn, e)
	clients[0] = replicas[0].client.register()
	clients[1] = clients[0]
	clients[1].base = replicas[1].client.base
	return replicas, clients, "/v1/notes/" + clients[0].note("Garden", map[string]any{"body": plantedText}) + "/summary"
}

// events is a summary that arrives as server-sent events.
type events struct {
	t     testing.TB
	lines *bufio.Scanner
	close context.CancelFunc
}

// stream asks for a summary and returns when its status has arrived.
func (c client) stream(path string) events {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	c.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, nil)
	require.NoError(c.t, err)
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "text/event-stream")
	res, err := transport.RoundTrip(req)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(c.t, http.StatusOK, res.StatusCode)
	assert.Equal(c.t, "text/event-stream", res.Header.Get("Content-Type"))
	return events{c.t, bufio.NewScanner(res.Body), cancel}
}

// next returns the next event, and an empty name at the end.
func (e events) next() (name string, data map[string]any) {
	e.t.Helper()
	for e.lines.Scan() {
		switch line := e.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			require.NoError(e.t, json.Unmarshal([]byte(line[len("data: "):]), &data))
		case name != "":
			return name, data
		}
	}
	assert.NoError(e.t, e.lines.Err(), "the stream must end in order")
	return "", nil
}

// rest returns the text of the deltas that are left, and the last event.
func (e events) rest() (text, last string, data map[string]any) {
	e.t.Helper()
	for name, d := e.next(); name != ""; name, d = e.next() {
		if name == "delta" {
			text += d["text"].(string)
		}
		last, data = name, d
	}
	return text, last, data
}

// spending returns what all tenants have spent and reserved, in millionths of a dollar.
func spending(t testing.TB, dsn string) (spent, reserved int) {
	t.Helper()
	require.NoError(t, apptest.Superuser(t, dsn).QueryRowContext(t.Context(),
		`select coalesce(sum(spent), 0), coalesce(sum(reserved), 0) from llm_spending`).Scan(&spent, &reserved))
	return spent, reserved
}

// part:claude part:openai begin
func TestSummaryFallsBackAndStreams(t *testing.T) {
	t.Parallel()
	first := llmtest.NewServer(t, llmtest.Reply{Status: 503}, llmtest.Reply{Text: "Tomatoes grow. "})
	second := llmtest.NewServer(t, llmtest.Reply{Text: "A garden."})
	replicas, clients, path := llmReplicas(t, llmEnv(t, nil, first, second))
	res := clients[0].post(path, nil)
	require.Equal(t, http.StatusOK, res.status, string(res.body))
	assert.Equal(t, "A garden.", res.text("summary"))
	assert.Equal(t, llmProviders[1].name, res.text("provider"))
	assert.Equal(t, "m", res.text("model"))
	assert.InDelta(t, 25e-6, res.value("cost_usd"), 1e-9, "11 tokens for a dollar and 7 for two dollars a million")
	attempt, _ := res.value("attempts").([]any)[0].(map[string]any)
	assert.Equal(t, llmProviders[0].name, attempt["provider"])
	assert.Equal(t, "overloaded", attempt["kind"])
	line := replicas[0].await(t, "llm_fallback")
	assert.Equal(t, llmProviders[0].name, line["from"])
	assert.Equal(t, "warning", line["level"])

	text, last, done := clients[1].stream(path).rest()
	assert.Equal(t, "Tomatoes grow. ", text)
	assert.Equal(t, "done", last)
	assert.Equal(t, "Tomatoes grow.", done["summary"])
	assert.Equal(t, llmProviders[0].name, done["provider"])
	spent, reserved := spending(t, replicas[0].dsn)
	assert.Equal(t, [2]int{50, 0}, [2]int{spent, reserved})

	sent := second.Requests()[0]
	assert.Contains(t, sent.Messages[0].Text, plantedText)
	assert.NotContains(t, sent.System, plantedText)
	for _, r := range replicas {
		r.stop(t)
		for _, planted := range []string{plantedText, plantedKey, "A garden", "Tomatoes"} {
			assert.NotContains(t, r.dump()+r.output(), planted)
		}
	}
}

// part:claude part:openai end

// Several tenants' requests on two replicas at once: none over the limit reaches the provider, and
// what was spent is exact.
func TestBudgetOfTwoReplicas(t *testing.T) {
	t.Parallel()
	const cost, limit = 300, 2000 // millionths of a dollar
	server := llmtest.NewServer(t)
	server.Script(func(int, *llmtest.Request) llmtest.Reply {
		reply := llmtest.Reply{Text: "A garden."}
		reply.Usage.Input, reply.Usage.Output = cost-200, 100
		return reply
	})
	replicas, clients, path := llmReplicas(t, llmEnv(t, env{"LLM_TENANT_DAILY_BUDGET_USD": "0.002"}, server))
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for i := range 24 {
		all.Go(func() {
			res := clients[i%2].post(path, nil)
			mu.Lock()
			defer mu.Unlock()
			answers[res.status]++
			if res.status != http.StatusOK {
				res.problem(errors.CodeLLMBudgetExceeded)
				seconds, err := strconv.Atoi(res.header.Get("Retry-After"))
				assert.NoError(t, err)
				assert.LessOrEqual(t, seconds, 24*60*60)
			}
		})
	}
	all.Wait()
	assert.Positive(t, answers[http.StatusOK])
	assert.Positive(t, answers[http.StatusTooManyRequests])
	for answers[http.StatusOK] < limit/cost+1 && clients[0].post(path, nil).status == http.StatusOK {
		answers[http.StatusOK]++
	}
	assert.LessOrEqual(t, answers[http.StatusOK], limit/cost)
	assert.Len(t, server.Requests(), answers[http.StatusOK], "requests that the provider got")
	spent, reserved := spending(t, replicas[0].dsn)
	assert.Equal(t, [2]int{answers[http.StatusOK] * cost, 0}, [2]int{spent, reserved})
	refused := clients[1].do(request{method: "POST", path: path, header: map[string]string{"Accept": "text/event-stream"}})
	refused.problem(errors.CodeLLMBudgetExceeded)

	other := replicas[0].client.register()
	note := "/v1/notes/" + other.note("Other") + "/summary"
	assert.Equal(t, http.StatusOK, other.post(note, nil).status, "another tenant has a budget of its own")
}

// A client that leaves stops the provider and pays for what was generated.
func TestClientLeavesDuringSummary(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: strings.Repeat("word ", 1000), Drip: 20 * time.Millisecond})
	s := start(t, llmEnv(t, nil, server))
	ada := s.client.register()
	e := ada.stream("/v1/notes/" + ada.note("Garden") + "/summary")
	name, _ := e.next()
	assert.Equal(t, "delta", name)
	_, reserved := spending(t, s.dsn)
	assert.Positive(t, reserved)
	e.close()
	server.AwaitGone(t)
	platformtest.Eventually(t, soon, func() error {
		spent, reserved := spending(t, s.dsn)
		if spent == 0 || reserved != 0 {
			return errors.Sentinel("the reservation is not settled")
		}
		return nil
	})
	assert.Empty(t, s.events("llm_fallback"))
}

// One of many requests with a key asks the provider, on whatever replica.
func TestSummaryIsPaidForOnce(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: "A garden.", Drip: 100 * time.Millisecond})
	_, clients, path := llmReplicas(t, llmEnv(t, nil, server))
	key := map[string]string{"Idempotency-Key": "once"}
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for {
				res := clients[i%2].do(request{method: "POST", path: path, header: key})
				if res.status == http.StatusOK {
					assert.Equal(t, "A garden.", res.text("summary"))
					return
				}
				res.problem(errors.CodeServiceUnavailable)
				time.Sleep(10 * time.Millisecond) // Retry-After, for a test
			}
		})
	}
	all.Wait()
	assert.Len(t, server.Requests(), 1)
}

func TestBrokenSummaryEndsWithAnError(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: strings.Repeat("word ", 100), Fault: llmtest.FaultEnd, After: 1500})
	s := start(t, llmEnv(t, nil, server))
	ada := s.client.register()
	text, last, problem := ada.stream("/v1/notes/" + ada.note("Garden") + "/summary").rest()
	assert.NotEmpty(t, text)
	assert.Equal(t, "error", last)
	assert.Equal(t, "LLM_TRUNCATED", problem["code"])
	assert.Equal(t, s.await(t, "exception_raised")["correlation_id"], problem["correlation_id"])
}

// A stream outlives the timeouts of requests, and a shutdown waits for it.
func TestShutdownWaitsForSummary(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: strings.Repeat("word ", 6), Drip: 300 * time.Millisecond})
	s := start(t, llmEnv(t, env{"HTTP_REQUEST_TIMEOUT": "500ms", "HTTP_WRITE_TIMEOUT": "600ms", "HTTP_READ_TIMEOUT": "500ms"}, server))
	ada := s.client.register()
	e := ada.stream("/v1/notes/" + ada.note("Garden") + "/summary")
	s.signal(t, syscall.SIGTERM)
	text, last, _ := e.rest()
	assert.Equal(t, strings.Repeat("word ", 6), text)
	assert.Equal(t, "done", last)
	assert.Zero(t, s.exit(t))
}

func TestShutdownCutsSummaryOff(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: strings.Repeat("word ", 1000), Drip: 50 * time.Millisecond})
	s := start(t, llmEnv(t, env{"HTTP_SHUTDOWN_TIMEOUT": "300ms"}, server))
	ada := s.client.register()
	e := ada.stream("/v1/notes/" + ada.note("Garden") + "/summary")
	s.signal(t, syscall.SIGTERM)
	_, last, problem := e.rest()
	assert.Equal(t, "error", last)
	assert.Equal(t, "SERVICE_UNAVAILABLE", problem["code"])
	server.AwaitGone(t)
	assert.Equal(t, 1, s.exit(t))
	_, reserved := spending(t, s.dsn)
	assert.Zero(t, reserved, "settled before the database closes")
}

// Without a provider the service says what to set, at the start and in each response.
func TestNoProvider(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	assert.Len(t, s.events("llm_not_configured"), 1)
	ada := s.client.register()
	path := "/v1/notes/" + ada.note("Garden") + "/summary"
	for _, accept := range []string{"*/*", "text/event-stream"} {
		res := ada.do(request{method: "POST", path: path, header: map[string]string{"Accept": accept}})
		res.problem(errors.CodeLLMUnavailable)
		assert.Contains(t, res.text("detail"), "ANTHROPIC_API_KEY") // part:claude
		assert.Contains(t, res.text("detail"), "OPENAI_API_KEY")    // part:openai
		assert.Contains(t, res.text("detail"), "LLM_OLLAMA_MODEL")  // part:ollama
		assert.Equal(t, "60", res.header.Get("Retry-After"))
	}
}

func TestViewerMayNotSummarize(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	path := "/v1/notes/" + ada.note("Garden") + "/summary"
	ada.member("viewer").post(path, nil).problem(errors.CodePermissionDenied)
}
