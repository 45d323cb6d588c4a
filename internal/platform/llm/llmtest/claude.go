package llmtest

import "github.com/netrun-systems/go-service-template/internal/platform/llm"

var claudeCodec = codec{
	stream: streamClaude,
	fail: func(code, kind, message string) any {
		if kind != "" {
			code = kind
		}
		return object{"type": "error", "error": object{"type": code, "message": message}, "request_id": "req_body"}
	},
}

// claudeUsage has the input without that of the cache.
func claudeUsage(u llm.Usage, output int) object {
	return object{
		"input_tokens": u.Input - u.CacheRead - u.CacheWrite, "cache_read_input_tokens": u.CacheRead,
		"cache_creation_input_tokens": u.CacheWrite, "output_tokens": output,
	}
}

func streamClaude(r *Request, reply *Reply) (frames []string) {
	event := func(kind string, data object) {
		data["type"] = kind
		frames = append(frames, "event: "+kind+"\ndata: "+text(data)+"\n\n")
	}
	delta := func(index int, kind, field, value string) {
		event("content_block_delta", object{"index": index, "delta": object{"type": kind, field: value}})
	}
	start := object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": r.Model, "content": []object{},
		"stop_reason": nil, "stop_sequence": nil,
	}
	finish := object{"delta": object{"stop_reason": reply.finish("end_turn", "tool_use"), "stop_sequence": nil}}
	if !reply.NoUsage {
		// The last count of the output is that of the whole.
		start["usage"] = claudeUsage(reply.Usage, 1)
		finish["usage"] = object{"output_tokens": reply.Usage.Output}
	}
	event("message_start", object{"message": start})
	event("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}})
	event("ping", object{})
	for i, word := range reply.words() {
		delta(0, "text_delta", "text", word)
		if i == 0 && reply.Frame != "" {
			return append(frames, reply.Frame)
		}
	}
	event("content_block_stop", object{"index": 0})
	for i, c := range reply.ToolCalls {
		event("content_block_start", object{
			"index": i + 1, "content_block": object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": object{}},
		})
		delta(i+1, "input_json_delta", "partial_json", "")
		for _, part := range halves(c.Arguments) {
			delta(i+1, "input_json_delta", "partial_json", part)
		}
		event("content_block_stop", object{"index": i + 1})
	}
	event("message_delta", finish)
	event("message_stop", object{})
	return frames
}
