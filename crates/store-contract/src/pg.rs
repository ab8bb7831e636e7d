//! A throw-away PostgreSQL from the distribution's packages.
