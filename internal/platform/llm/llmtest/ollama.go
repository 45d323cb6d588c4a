package llmtest

import "github.com/netrun-systems/go-service-template/internal/platform/llm"

var ollamaCodec = codec{
	stream: func(r *Request, reply *Reply) (frames []string) {
		line := func(v object) { frames = append(frames, text(v)+"\n") }
		next := func(message object) {
			message["role"] = "assistant"
			line(object{"model": r.Model, "created_at": "2026-01-02T03:04:05Z", "message": message, "done": false})
		}
		next(object{"content": "", "thinking": "hm"})
		for i, word := range reply.words() {
			next(object{"content": word})
			if i == 0 && reply.Frame != "" {
				return append(frames, reply.Frame)
			}
		}
		for i, c := range reply.ToolCalls {
			next(object{"content": "", "tool_calls": []object{{
				"id": c.ID, "function": object{"index": i, "name": c.Name, "arguments": c.Arguments},
			}}})
		}
		last := object{
			"model": r.Model, "created_at": "2026-01-02T03:04:05Z", "message": object{"role": "assistant", "content": ""},
			"done": true, "done_reason": reply.finish("stop", "stop"), "total_duration": 1,
		}
		if !reply.NoUsage {
			last["prompt_eval_count"], last["eval_count"] = reply.Usage.Input, reply.Usage.Output
		}
		line(last)
		return frames
	},
	fail: func(_, _, message string) any { return object{"error": message} },
	embed: func(r *Request, usage llm.Usage) any {
		vectors := [][]float32{}
		for _, s := range r.Texts {
			vectors = append(vectors, Vector(s))
		}
		return object{"model": r.Model, "embeddings": vectors, "total_duration": 1, "prompt_eval_count": usage.Input}
	},
}
