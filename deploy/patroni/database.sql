-- The role and the database of the desk, made once on the leader by its user postgres:
-- psql -v password=... < database.sql
CREATE ROLE answerdesk LOGIN PASSWORD :'password';
CREATE DATABASE answerdesk OWNER answerdesk TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE answerdesk FROM PUBLIC;
