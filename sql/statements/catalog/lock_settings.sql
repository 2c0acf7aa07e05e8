-- Nobody undoes the settings of this connection.
SET lock_configuration = true
