using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;

namespace OnnxStream.Interop.Fleet;

/// <summary>A job that was given up.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Code">The kind of failure.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Worker">Who gave it up.</param>
/// <param name="Attempts">How many attempts there were; 0 where it was refused before one.</param>
public sealed record DeadJob(string Id, string Code, string Message, string Worker, int Attempts)
{
    /// <summary>Lists those of a queue, the oldest first: the last 10,000 of the last 30 days.</summary>
    /// <param name="options">The queue.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FleetException">The queue cannot be used.</exception>
    public static async Task<IReadOnlyList<DeadJob>> ListAsync(FleetOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        await using FleetConnection connection = await FleetConnection.OpenAsync(options, "onnxstream work", NullLogger.Instance, cancellationToken);
        return [.. (await connection.DeadAsync(cancellationToken)).Select(Of)];
    }

    private static DeadJob Of(NatsHeaders headers)
    {
        return new DeadJob(
            Header("Nats-Msg-Id").Split(':')[0],
            Header(FleetNames.ReasonHeader),
            Uri.UnescapeDataString(Header(FleetNames.MessageHeader)),
            Header(FleetNames.WorkerHeader),
            int.TryParse(Header(FleetNames.AttemptsHeader), NumberStyles.None, CultureInfo.InvariantCulture, out int attempts) ? attempts : 0);

        string Header(string name) => headers.TryGetLastValue(name, out string? value) ? value : "";
    }
}
