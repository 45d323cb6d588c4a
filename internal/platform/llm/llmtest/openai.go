package llmtest

import (
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

var openAICodec = codec{
	answer: func(r *Request, reply *Reply) string {
		message := object{"role": "assistant", "content": reply.Text, "refusal": nil}
		if len(reply.ToolCalls) > 0 {
			calls := []object{}
			for _, c := range reply.ToolCalls {
				calls = append(calls, object{
					"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Arguments)},
				})
			}
			message["tool_calls"] = calls
		}
		choice := object{"index": 0, "message": message, "finish_reason": reply.finish("stop", "tool_calls")}
		body := object{
			"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": r.Model, "choices": []object{choice},
		}
		if !reply.NoUsage {
			body["usage"] = openAIUsage(reply.Usage)
		}
		return text(body)
	},
	stream: streamOpenAI,
	fail: func(code, kind, message string) any {
		if kind == "" {
			kind = code
		}
		return object{"error": object{"message": message, "type": kind, "param": nil, "code": code}}
	},
	// The vectors come in another order than the texts.
	embed: func(r *Request, usage llm.Usage) any {
		data := []object{}
		for i := len(r.Texts) - 1; i >= 0; i-- {
			data = append(data, object{"object": "embedding", "index": i, "embedding": Vector(r.Texts[i])})
		}
		return object{
			"object": "list", "data": data, "model": r.Model,
			"usage": object{"prompt_tokens": usage.Input, "total_tokens": usage.Input},
		}
	},
}

func openAIUsage(u llm.Usage) object {
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details": object{"cached_tokens": u.CacheRead, "audio_tokens": 0},
	}
}

func streamOpenAI(r *Request, reply *Reply) (frames []string) {
	chunk := func(choices []object, usage any) {
		frames = append(frames, "data: "+text(object{
			"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": r.Model,
			"choices": choices, "usage": usage,
		})+"\n\n")
	}
	delta := func(delta object, finish any) {
		chunk([]object{{"index": 0, "delta": delta, "finish_reason": finish}}, nil)
	}
	frames = append(frames, ": a comment, as gateways send them\n\n")
	if r.Format == Azure {
		chunk([]object{}, nil) // has the verdict on the prompt
	}
	delta(object{"role": "assistant", "content": ""}, nil)
	for i, word := range reply.words() {
		delta(object{"content": word}, nil)
		if i == 0 && reply.Frame != "" {
			return append(frames, reply.Frame)
		}
	}
	for i, c := range reply.ToolCalls {
		delta(object{"tool_calls": []object{{
			"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}, nil)
		for _, part := range halves(c.Arguments) {
			delta(object{"tool_calls": []object{{"index": i, "function": object{"arguments": part}}}}, nil)
		}
	}
	delta(object{}, reply.finish("stop", "tool_calls"))
	if strings.Contains(string(r.Body), `"include_usage":true`) && !reply.NoUsage {
		chunk([]object{}, openAIUsage(reply.Usage))
	}
	return append(frames, "data: [DONE]\n\n")
}
