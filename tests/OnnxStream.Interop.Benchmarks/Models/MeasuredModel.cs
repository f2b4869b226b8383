namespace OnnxStream.Interop.Benchmarks.Models;

/// <summary>A model that engines are measured with.</summary>
/// <param name="Name">What reports call it.</param>
internal abstract record MeasuredModel(string Name)
{
    /// <summary>Makes the model's files unless they are there.</summary>
    /// <param name="report">Is told what takes a while.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The path of the model.</returns>
    public abstract string Ensure(Action<string> report, CancellationToken cancellationToken);

    /// <summary>The <c>.npy</c> file of each input, once the model's files are there.</summary>
    /// <param name="folder">A folder for files that have to be made.</param>
    public abstract IReadOnlyDictionary<string, string> InputFiles(string folder);
}
