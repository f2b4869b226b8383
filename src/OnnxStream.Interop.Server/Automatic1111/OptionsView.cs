namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>The one setting that there is: the model of requests that name none.</summary>
internal sealed record OptionsView(string? SdModelCheckpoint);
