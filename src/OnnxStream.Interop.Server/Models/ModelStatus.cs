using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A model as a server has it now.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kinds">The kinds of jobs that it does.</param>
/// <param name="Created">When its folder was last written.</param>
/// <param name="IsOpen">Whether it is open.</param>
/// <param name="JobCount">The jobs that it is doing.</param>
/// <param name="OpenBytes">What it keeps between jobs, by its plan.</param>
/// <param name="JobBytes">What its jobs take, by their plans.</param>
/// <param name="Facts">What clients may know of it.</param>
public sealed record ModelStatus(string Name, IReadOnlyList<JobKind> Kinds, DateTimeOffset Created, bool IsOpen, int JobCount, long OpenBytes, long JobBytes, ModelFacts Facts);
