package session

var ParseNotification = parseNotification

const MaxSessions = maxSessions
