namespace OnnxStream.Interop;

/// <summary>What has become of a panel store.</summary>
public enum PanelStoreState
{
    /// <summary>It can be used for the model that it was made for.</summary>
    Complete,

    /// <summary>It is damaged or of another version of this library: it will be made again when its model is opened.</summary>
    Unknown,

    /// <summary>A process is making it now.</summary>
    BeingWritten,

    /// <summary>It was never finished: the process that made it has been killed.</summary>
    LeftBehind,
}
