-- What a class has at vendors, a JSON text; NULL = nothing. It stays with the class when the configuration changes.
ALTER TABLE class ADD COLUMN outside TEXT;
