DROP FUNCTION recall_memories(<ext>.halfvec, text, <ext>.sparsevec, text[], double precision, integer);
DROP TABLE memories;
DROP FUNCTION memory_masked();
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION memory_keep_held();
SET LOCAL ROLE <prefix>_owner;
