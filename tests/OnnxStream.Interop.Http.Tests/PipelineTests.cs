using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Http.Tests;

/// <summary>Text to image with a model on a server: the trained one of this repository.</summary>
public class PipelineTests
{
    private static readonly string s_folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models");
    private static readonly GenerationOptions s_options = new() { Prompt = "a red circle on a blue background", Seed = 3, Steps = 2 };

    [Test]
    public void APictureFromAServerIsThatOfTheFolder()
    {
        using KestrelServer server = new(s_folder);
        using HttpFiles files = new(server.Address);
        StableDiffusionPipeline pipeline = new(PipelineConfiguration.FromFiles(files), new SessionOptions { ThreadCount = 2, KeptPanelBytes = 0 });
        RgbImage expected = StableDiffusionPipeline.FromFolder(s_folder, new SessionOptions { ThreadCount = 2, KeptPanelBytes = 0 }).Generate(s_options).Images[0].Image;
        RgbImage actual = pipeline.Generate(s_options).Images[0].Image;
        Assert.That(actual.Pixels.ToArray(), Is.EqualTo(expected.Pixels.ToArray()));
        Assert.That(server.Requests.Count(request => request.StartsWith("/model_index.json", StringComparison.Ordinal)), Is.LessThanOrEqualTo(2));
    }

    [Test]
    public void AFolderInDiffusersLayout()
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-pipeline-").FullName;
        try
        {
            foreach (string file in Directory.EnumerateFiles(s_folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "model_index.json"))
            {
                string copy = Path.Combine(folder, Path.GetRelativePath(s_folder, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            using KestrelServer server = new(folder);
            using HttpFiles files = new(server.Address);
            Assert.That(PipelineConfiguration.FromFiles(files) with { Files = null, Name = "", Tokenizer = null! }, Is.EqualTo(PipelineConfiguration.FromFolder(folder) with
            {
                Name = "",
                Tokenizer = null!,
                TextEncoderPath = "text_encoder/model.onnx",
                UnetPath = "unet/model.onnx",
                VaeDecoderPath = "vae_decoder/model.onnx",
            }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void AServerWithoutAPipelineSaysWhatWasLookedFor()
    {
        using KestrelServer server = new(Path.Combine(s_folder, "unet"));
        using HttpFiles files = new(server.Address);
        Assert.That(() => PipelineConfiguration.FromFiles(files), Throws.TypeOf<ModelFormatException>().With.Message.Contains("model_index.json").And.Message.Contains("unet/model.onnx"));
    }
}
