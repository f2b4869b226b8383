namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>A way in which noise levels are spread.</summary>
internal sealed record SchedulerView(string Name, string Label, IReadOnlyList<string> Aliases, double DefaultRho, bool NeedInnerModel);
