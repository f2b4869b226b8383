namespace OnnxStream.Interop.Diffusion;

/// <summary>What the models do that are open while noise becomes pictures.</summary>
/// <param name="Models">The models, the UNET first.</param>
/// <param name="Options">How their sessions compute.</param>
internal sealed record DenoisingPlan(IReadOnlyList<StagePlan> Models, DenoisingOptions Options);

/// <summary>How sessions compute that are open together: a budget is shared between them.</summary>
/// <param name="Unet">How the UNET computes.</param>
/// <param name="Upper">How the part of it does that goes on from what deep layers made.</param>
/// <param name="ControlNet">How a ControlNet does.</param>
/// <param name="Preview">How a tiny decoder for previews does.</param>
internal sealed record DenoisingOptions(SessionOptions? Unet, SessionOptions? Upper, SessionOptions? ControlNet, SessionOptions? Preview);
