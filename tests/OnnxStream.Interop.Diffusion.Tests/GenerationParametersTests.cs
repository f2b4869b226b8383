namespace OnnxStream.Interop.Diffusion.Tests;

public class GenerationParametersTests
{
    private static readonly GenerationParameters Parameters = new()
    {
        Prompt = "a red circle",
        NegativePrompt = "ugly, blurry",
        Steps = 20,
        Sampler = "Euler a",
        Schedule = "Uniform",
        GuidanceScale = 7.5f,
        Seed = 42,
        Width = 64,
        Height = 32,
        Model = "tiny-shapes",
    };

    [Test]
    public void ToString_IsWhatOtherProgramsRead() => Assert.That(
        Parameters.ToString(),
        Is.EqualTo("a red circle\nNegative prompt: ugly, blurry\nSteps: 20, Sampler: Euler a, Schedule type: Uniform, CFG scale: 7.5, Seed: 42, Size: 64x32, Model: tiny-shapes, Version: OnnxStream.Interop"));

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void ToString_IsTheSameUnderEveryCulture(string culture)
    {
        GenerationParameters parameters = Parameters with { GuidanceScale = -1.5f };
        Assert.That(TestCulture.Under(culture, parameters.ToString), Does.Contain("CFG scale: -1.5, Seed: 42"));
    }

    [Test]
    public void ToString_LeavesAnEmptyNegativePromptOut() => Assert.That(
        (Parameters with { NegativePrompt = "" }).ToString(), Does.StartWith("a red circle\nSteps: 20, "));
}
