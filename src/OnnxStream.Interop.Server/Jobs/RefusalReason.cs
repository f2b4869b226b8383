namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Whose fault it is that a job is not taken.</summary>
public enum RefusalReason
{
    /// <summary>It asks for what cannot be done, and never will be.</summary>
    Request,

    /// <summary>It asks for a model that is not there.</summary>
    Model,

    /// <summary>Its owner has as many jobs as one may have; later it may be taken.</summary>
    Owner,

    /// <summary>The queue is full, or the server ends; later it may be taken.</summary>
    Server,

    /// <summary>It needs more memory than the server may ever use.</summary>
    Memory,
}
