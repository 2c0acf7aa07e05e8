-- The live catalog. Row groups of half the usual size: two cores then share the writing of a night's tracks.
ATTACH {{path}} AS {{alias}} (ROW_GROUP_SIZE 61440)
