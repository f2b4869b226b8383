namespace OnnxStream.Interop.Server.Http;

/// <summary>The queue of a server.</summary>
internal sealed record QueueView(int Waiting, int Running, int MostWaiting, int MostRunning, bool IsClosed);
