namespace OnnxStream.Interop.Server.Models;

/// <summary>A machine that does jobs for a server.</summary>
/// <param name="Name">Its name: that of the machine, and what tells its workers apart.</param>
/// <param name="Slots">The jobs that it does at once.</param>
/// <param name="Running">The jobs that it is doing.</param>
/// <param name="Budget">The most bytes that its models may take together; null for no limit.</param>
/// <param name="Models">Its models, as it has them now.</param>
public sealed record WorkerStatus(string Name, int Slots, int Running, long? Budget, IReadOnlyList<ModelStatus> Models);
