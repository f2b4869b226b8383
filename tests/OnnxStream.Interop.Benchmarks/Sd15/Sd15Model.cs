using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>A network of Stable Diffusion 1.5 that this program writes.</summary>
/// <param name="Network">The network.</param>
/// <param name="Cache">Where it is kept.</param>
internal sealed record Sd15Model(Network Network, ModelCache Cache) : MeasuredModel(Network.Name)
{
    // Changes when the generator writes something else.
    private const string Version = "stable diffusion 1.5, generator 1\n";

    /// <summary>Where this user's networks are kept.</summary>
    public static ModelCache UserCache { get; } = ModelCache.Of("sd15", Version);

    /// <summary>All networks, in the cache of this user.</summary>
    public static IReadOnlyList<Sd15Model> All { get; } = [.. Network.All.Select(network => new Sd15Model(network, UserCache))];

    /// <inheritdoc/>
    public override string Ensure(Action<string> report, CancellationToken cancellationToken) =>
        Cache.Ensure(Name, folder => report($"{Name}: {Network.Write(folder) / 1e6:0.0} million parameters"), report);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> InputFiles(string folder) =>
        SampleInputs.Save(SampleInputs.Create(Model.Load(Cache.PathOf(Name))), folder);
}
