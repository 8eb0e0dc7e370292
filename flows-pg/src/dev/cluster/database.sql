-- Run once in `template1`, after that is complete.
-- Only `template1` and `app` stay: every start of a server copies all databases, and making their
-- files is what takes most of its time.
ALTER DATABASE template0 IS_TEMPLATE false;

DROP DATABASE template0;

DROP DATABASE postgres;

CREATE DATABASE app OWNER app;

