package db

import (
	"strconv"
	"strings"
)

// Conditions puts together the where of a query whose filters are optional. The zero value is no condition. It is not for
// concurrent use.
//
//	var where db.Conditions
//	if tag != "" {
//		where.And("tags @> array[?]::text[]", tag)
//	}
//	notes, err := db.All[Note](ctx, pool, "select * from notes"+where.SQL()+" order by id desc limit "+where.Arg(limit), where.Args()...)
//
// What varies goes into arguments; the conditions are constants of the program.
type Conditions struct {
	list []string
	args []any
}

// And adds a condition. Each ? in it stands for one of the args, in their order; an operator that has one is to be written as a
// function.
func (c *Conditions) And(condition string, args ...any) {
	for _, arg := range args {
		condition = strings.Replace(condition, "?", c.Arg(arg), 1)
	}
	c.list = append(c.list, condition)
}

// Arg adds an argument and returns what stands for it in the query, such as $3.
func (c *Conditions) Arg(arg any) string {
	c.args = append(c.args, arg)
	return "$" + strconv.Itoa(len(c.args))
}

// SQL returns the conditions as a where clause with a blank before it, or "".
func (c *Conditions) SQL() string {
	if len(c.list) == 0 {
		return ""
	}
	return " where " + strings.Join(c.list, " and ")
}

// Args returns the arguments that were added, in their order.
func (c *Conditions) Args() []any { return c.args }
