namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>A kind of file that is mutated, and what is done with it.</summary>
/// <param name="name">What it is called on the command line.</param>
internal abstract class FuzzTarget(string name)
{
    /// <summary>What it is called on the command line.</summary>
    public string Name { get; } = name;

    /// <summary>Loads what is mutated, once: what that costs is no file's.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>Writes a mutated file and uses it.</summary>
    /// <param name="random">Decides everything.</param>
    /// <param name="folder">An empty folder.</param>
    /// <param name="cancellationToken">Stops what can be stopped.</param>
    public abstract void Try(Random random, string folder, CancellationToken cancellationToken);
}
