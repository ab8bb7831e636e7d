"""What the end-to-end suites share: a server, a database, clients that check every answer."""
