namespace OnnxStream.Interop.Server.Http;

/// <summary>What a server does now.</summary>
internal sealed record StatusView(string Version, double UptimeSeconds, MemoryView Memory, QueueView Queue, IReadOnlyList<ModelMemoryView> Models, IReadOnlyList<WorkerView> Workers);
