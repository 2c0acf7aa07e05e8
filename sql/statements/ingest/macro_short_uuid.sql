-- short_uuid_of(json): the UUID behind the 22 characters of a Udio share link, or a UUID as it is; else null. The short
-- form is the UUID's 128 bits in base 58 with Flickr's alphabet (digits, lower case, upper case; without 0, l, I and O),
-- padded with 1: nine share links found in public pages all decode to random (version 4) UUIDs with it, and none does
-- with Bitcoin's order of the same letters. This is the only place that knows the encoding.
CREATE OR REPLACE TEMP MACRO short_uuid_of(j) AS
    CASE WHEN regexp_full_match(j::VARCHAR, '"[1-9a-km-x][1-9a-km-zA-HJ-NP-Z]{21}"') THEN
        TRY(lpad(to_hex(list_reduce(
            list_transform(
                string_split(trim(j::VARCHAR, '"'), ''),
                LAMBDA c: (strpos('123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ', c) - 1)::UHUGEINT),
            LAMBDA number, digit: number * 58 + digit
        )), 32, '0')::UUID::VARCHAR)
    ELSE uuid_of(j) END
