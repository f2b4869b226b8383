namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>What is measured of the server, and how often.</summary>
/// <param name="Tool">The <c>onnxstream</c> tool.</param>
/// <param name="Pictures">The folder of the model that draws.</param>
/// <param name="Language">The folder of the language model.</param>
/// <param name="Rounds">How often the command and the server take turns.</param>
/// <param name="Requests">How many requests follow each other before it is looked whether something leaked.</param>
/// <param name="Jobs">The jobs of the fleet.</param>
/// <param name="Kills">How often a worker or a server of the queue is killed meanwhile.</param>
/// <param name="Seed">Decides who is killed, and when.</param>
internal sealed record ServeOptions(string Tool, string Pictures, string Language, int Rounds, int Requests, int Jobs, int Kills, int Seed)
{
    /// <summary>Requests at once.</summary>
    public const int Simultaneous = 200;

    /// <summary>The memory of the server that is asked by many at once, in MiB.</summary>
    public const int BudgetMib = 64;

    /// <summary>The steps of a picture.</summary>
    public const int Steps = 20;

    /// <summary>The tokens of a text.</summary>
    public const int Tokens = 48;

    /// <summary>The workers of the fleet.</summary>
    public const int Workers = 4;
}
