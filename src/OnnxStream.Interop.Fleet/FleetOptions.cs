using System.Diagnostics.CodeAnalysis;

namespace OnnxStream.Interop.Fleet;

/// <summary>Where the queue of a fleet is, and how it is used. Servers and workers of one fleet should have the same; what is stored is made by whoever comes first.</summary>
public sealed record FleetOptions
{
    /// <summary>The NATS servers, as in <c>nats://10.0.0.1:4222</c>; several of one cluster with commas between them. With <c>tls://</c> nothing is sent in the clear.</summary>
    [SuppressMessage("Design", "CA1056", Justification = "Several addresses, with commas between them.")]
    public required string Url { get; init; }

    /// <summary>A file with credentials, as NATS' tools write it (<c>.creds</c>: a JWT and its seed); null for none.</summary>
    public string? CredentialsFile { get; init; }

    /// <summary>The user's name; null for none.</summary>
    public string? User { get; init; }

    /// <summary>The user's password, which is never logged.</summary>
    public string? Password { get; init; }

    /// <summary>A PEM file with the certificates of the authorities that the servers' certificates come from; null for those of the system.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>A PEM file with a certificate for this program; null for none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>A PEM file with the key of <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>On how many servers of a cluster everything is stored: 1, or 3 so that one of them may fail.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>How long a worker may be silent before its job goes to another one. A worker that lives renews its lease three times as often, however long a job takes.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many workers may fail at a job, or disappear while they do it, before it is given up.</summary>
    public int MostAttempts { get; init; } = 3;

    /// <summary>How long the queue may be out of reach before an operation on it fails.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);
}
