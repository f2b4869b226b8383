namespace OnnxStream.Interop.Server.Http;

/// <summary>The memory of a server in bytes: the limit of the process, what models and jobs may take of it, what they have by their plans, and what is resident.</summary>
internal sealed record MemoryView(long? LimitBytes, long? BudgetBytes, long TakenBytes, long ResidentBytes);
