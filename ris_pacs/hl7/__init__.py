"""HL7 version 2: reading and writing ER7, acknowledgements, MLLP. Knows nothing of the practice."""
