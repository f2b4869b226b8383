namespace OnnxStream.Interop.Server.Http;

/// <summary>A machine that does jobs for the server.</summary>
internal sealed record WorkerView(string Name, int Slots, int Running, long? BudgetBytes, IReadOnlyList<string> Models);
