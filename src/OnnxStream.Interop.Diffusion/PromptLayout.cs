using OnnxStream.Interop.Diffusion.Prompts;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What has to be encoded of prompts.</summary>
/// <param name="Positive">The texts of the prompt, each with the step that it holds for the last time, counted from 1.</param>
/// <param name="Negative">Those of the negative prompt; empty where it has no influence.</param>
/// <param name="Texts">The different texts of both.</param>
/// <param name="First">Of each text its chunks, for the text encoder; all have as many.</param>
/// <param name="Second">The same for the second text encoder; null where there is none.</param>
/// <param name="DroppedTokenCount">How many tokens had no room.</param>
internal sealed record PromptLayout(
    IReadOnlyList<(int LastStep, string Text)> Positive,
    IReadOnlyList<(int LastStep, string Text)> Negative,
    IReadOnlyList<string> Texts,
    PromptChunk[][] First,
    PromptChunk[][]? Second,
    int DroppedTokenCount);
