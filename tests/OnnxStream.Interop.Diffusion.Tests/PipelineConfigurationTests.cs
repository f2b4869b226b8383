using System.Text.Json.Nodes;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class PipelineConfigurationTests
{
    [Test]
    public void FromFolder_ReadsTheDemoModel()
    {
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(TinyShapesModel.Folder + Path.DirectorySeparatorChar);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.Name, Is.EqualTo("tiny-shapes"));
            Assert.That(configuration.UnetPath, Is.EqualTo(TinyShapesModel.Model("unet")));
            Assert.That(configuration.Tokenizer.ContextLength, Is.EqualTo(16));
            Assert.That(configuration.Tokenizer.BeginId, Is.EqualTo(600));
            Assert.That(configuration.Tokenizer.PadId, Is.EqualTo(601));
            Assert.That((configuration.LatentChannels, configuration.LatentHeight, configuration.LatentWidth), Is.EqualTo((4, 16, 16)));
            Assert.That(configuration.ScalingFactor, Is.EqualTo(0.18215f));
            Assert.That(configuration.RecommendedScheduler, Is.EqualTo(new SchedulerOptions(SchedulerType.EulerAncestral)));
            Assert.That(configuration.RecommendedSteps, Is.EqualTo(20));
            Assert.That(configuration.RecommendedGuidanceScale, Is.EqualTo(5));
            Assert.That(configuration.NoiseSchedule, Is.EqualTo(new NoiseSchedule()));
        });
    }

    [Test]
    public void FromFolder_ReadsAnExportOfDiffusers()
    {
        using TemporaryFolder folder = Folder("text_encoder/model.onnx", "unet/model.onnx", "vae_decoder/model.onnx", "tokenizer/vocab.json", "tokenizer/merges.txt");
        _ = folder.Write("model_index.json", """{ "_class_name": "OnnxStableDiffusionPipeline", "unet": ["diffusers", "OnnxRuntimeModel"] }""");
        _ = folder.Write(
            "scheduler/scheduler_config.json",
            """{ "_class_name": "EulerDiscreteScheduler", "beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.02, "num_train_timesteps": 500, "prediction_type": "v_prediction" }""");
        _ = folder.Write("unet/config.json", """{ "sample_size": 96, "in_channels": 4 }""");
        _ = folder.Write("vae_decoder/config.json", """{ "scaling_factor": 0.13025 }""");
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder.FullPath);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.Name, Is.EqualTo(Path.GetFileName(folder.FullPath)));
            Assert.That(configuration.TextEncoderPath, Is.EqualTo(folder.Combine("text_encoder/model.onnx")));
            Assert.That((configuration.LatentHeight, configuration.LatentWidth), Is.EqualTo((96, 96)));
            Assert.That(configuration.ScalingFactor, Is.EqualTo(0.13025f));
            Assert.That(configuration.RecommendedScheduler, Is.EqualTo(new SchedulerOptions(SchedulerType.Euler, SigmaSchedule.Uniform) { StepsOffset = 0 }));
            Assert.That(configuration.NoiseSchedule, Is.EqualTo(new NoiseSchedule
            {
                TrainingTimesteps = 500,
                BetaStart = 0.001,
                BetaEnd = 0.02,
                BetaSchedule = BetaSchedule.Linear,
                PredictionType = PredictionType.Velocity,
            }));
        });
    }

    [Test]
    public void FromFolder_UsesAnotherSchedulerForOneThatIsNotKnown()
    {
        using TemporaryFolder folder = Folder("text_encoder/model.onnx", "unet/model.onnx", "vae_decoder/model.onnx", "tokenizer/vocab.json", "tokenizer/merges.txt");
        _ = folder.Write("scheduler/scheduler_config.json", """{ "_class_name": "FlowMatchEulerDiscreteScheduler" }""");
        _ = folder.Write("unet/config.json", """{ "sample_size": [64, 96] }""");
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder.FullPath);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.RecommendedScheduler, Is.EqualTo(new SchedulerOptions(SchedulerType.EulerAncestral)));
            Assert.That((configuration.LatentHeight, configuration.LatentWidth), Is.EqualTo((64, 96)));
        });
    }

    [Test]
    public void FromFolder_ReadsAFolderOfOnnxStream()
    {
        using TemporaryFolder folder = Folder("text_encoder_fp32/model.txt", "unet_fp16/model.txt", "vae_decoder_fp16/model.txt", "tokenizer/vocab.txt", "tokenizer/merges.txt");
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder.FullPath);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.TextEncoderPath, Is.EqualTo(folder.Combine("text_encoder_fp32/model.txt")));
            Assert.That(configuration.UnetPath, Is.EqualTo(folder.Combine("unet_fp16/model.txt")));
            Assert.That(configuration.VaeDecoderPath, Is.EqualTo(folder.Combine("vae_decoder_fp16/model.txt")));
            Assert.That(configuration.Tokenizer.VocabularyPath, Is.EqualTo(folder.Combine("tokenizer/vocab.txt")));
            Assert.That(configuration.LatentHeight, Is.Null);
            Assert.That(configuration.RecommendedSteps, Is.EqualTo(10));
            Assert.That(configuration.RecommendedGuidanceScale, Is.EqualTo(7));
        });
    }

    [Test]
    public void FromFolder_SaysWhatItLookedFor()
    {
        using TemporaryFolder folder = Folder("unet/model.onnx");
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => PipelineConfiguration.FromFolder(folder.FullPath))!;
        Assert.Multiple(() =>
        {
            Assert.That(exception.Path, Is.EqualTo(folder.FullPath));
            Assert.That(exception.Message, Does.Contain("model_index.json"));
            Assert.That(exception.Message, Does.Contain("text_encoder/model.onnx").And.Contains("text_encoder_fp32/model.txt"));
            Assert.That(exception.Message, Does.Contain("vae_decoder_fp16/model.txt"));
            Assert.That(exception.Message, Does.Not.Contain("the UNET was"));
        });
    }

    [Test]
    public void FromFolder_SaysThatThereIsNoFolder() =>
        Assert.That(() => PipelineConfiguration.FromFolder("no such folder"), Throws.TypeOf<DirectoryNotFoundException>().With.Message.Contains("no such folder"));

    [TestCase("""{ "_class_name": "StableDiffusion3Pipeline" }""", "StableDiffusion3Pipeline")]
    [TestCase("""{ "pipeline": "chat" }""", "chat")]
    [TestCase("""{ "pipeline": """, "not JSON")]
    public void FromFolder_RefusesOtherPipelines(string index, string expected)
    {
        using TemporaryFolder folder = new();
        _ = folder.Write("model_index.json", index);
        Assert.That(() => PipelineConfiguration.FromFolder(folder.FullPath), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected));
    }

    [TestCase("unet", "file", "\"../model.onnx\"", "outside")]
    [TestCase("unet", "file", "\"unet/other.onnx\"", "does not exist")]
    [TestCase("unet", "file", "null", "missing")]
    [TestCase("unet", "file", "3", "a string")]
    [TestCase("unet", "latent_width", "0", "a positive whole number")]
    [TestCase("unet", "latent_width", "1.5", "a whole number")]
    [TestCase("unet", "prediction_type", "\"flow\"", "v_prediction")]
    [TestCase("tokenizer", "pad_token_id", "-1", "not negative")]
    [TestCase("vae_decoder", "scaling_factor", "0", "positive")]
    [TestCase("vae_decoder", "output_range", "[1, -1]", "two numbers")]
    [TestCase("scheduler", "beta_schedule", "\"sigmoid\"", "squaredcos_cap_v2")]
    [TestCase("scheduler", "num_train_timesteps", "1", "from 2 to")]
    [TestCase("scheduler", "recommended_sampler", "\"dpm\"", "Euler a")]
    public void FromFolder_NamesTheWrongProperty(string role, string property, string value, string expected)
    {
        using TemporaryFolder folder = Folder("text_encoder/model.onnx", "unet/model.onnx", "vae_decoder/model.onnx", "tokenizer/vocab.json", "tokenizer/merges.txt");
        JsonNode index = JsonNode.Parse(File.ReadAllText(Path.Combine(TinyShapesModel.Folder, "model_index.json")))!;
        _ = folder.Write("model_index.json", index.ToJsonString());
        Assert.That(() => PipelineConfiguration.FromFolder(folder.FullPath), Throws.Nothing);
        index[role]![property] = JsonNode.Parse(value);
        _ = folder.Write("model_index.json", index.ToJsonString());
        Assert.That(
            () => PipelineConfiguration.FromFolder(folder.FullPath),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected).And.Property("Path").EqualTo(folder.Combine("model_index.json")));
    }

    private static TemporaryFolder Folder(params string[] files)
    {
        TemporaryFolder folder = new();
        foreach (string file in files)
        {
            _ = folder.Write(file, "");
        }

        return folder;
    }
}
