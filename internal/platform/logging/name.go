package logging

import (
	"net/url"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// For returns the logger of the calling package. Its name is the import path from internal/ on, such as platform/db or
// app/notes, else the last two elements of the path, such as cmd/api. Call it once for a package:
//
//	var log = logging.For()
func For() Logger {
	pc, file, _, ok := runtime.Caller(1)
	if !ok {
		return Logger{}
	}
	return Logger{name: packageName(runtime.FuncForPC(pc).Name(), file)}
}

// packageName makes the name of a logger out of a function's full name and its file. Functions of every package main have
// the path main, so there the folder of the file counts.
func packageName(function, file string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return function
	}
	importPath := function[:slash+dot]
	if importPath == "main" {
		importPath = path.Dir(filepath.ToSlash(file))
	}
	if plain, err := url.PathUnescape(importPath); err == nil { // the linker escapes dots in the last element
		importPath = plain
	}
	importPath = strings.TrimSuffix(importPath, "_test")
	const private = "internal/"
	if i := strings.LastIndex(importPath, private); i == 0 || i > 0 && importPath[i-1] == '/' {
		return importPath[i+len(private):]
	}
	parent, last := path.Split(importPath)
	return path.Join(path.Base(parent), last)
}
