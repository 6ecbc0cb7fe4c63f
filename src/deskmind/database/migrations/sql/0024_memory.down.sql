DROP FUNCTION recall_memories(<ext>.halfvec, text, <ext>.sparsevec, text[], real, integer);
DROP TABLE memories;
DROP FUNCTION memory_masked();
DROP FUNCTION memory_keep_held();
