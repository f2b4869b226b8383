namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>An output of a run.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="File">The <c>.npy</c> file that has it.</param>
internal sealed record OutputFile(string Name, string File);
