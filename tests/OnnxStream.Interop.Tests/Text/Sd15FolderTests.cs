namespace OnnxStream.Interop.Tests.Text;

/// <summary>The networks of Stable Diffusion 1.5 (tiny widths) as OnnxStream folders and back.</summary>
[NativeMemoryLeakCheck]
public class Sd15FolderTests
{
    [TestCase("text_encoder")]
    [TestCase("text_encoder_opset17")]
    [TestCase("text_encoder_f16")]
    [TestCase("text_encoder_dynamic")]
    [TestCase("unet")]
    [TestCase("unet_diffusers_opset11")]
    [TestCase("unet_f16")]
    [TestCase("unet_opset17_dynamic")]
    [TestCase("vae_decoder")]
    [TestCase("vae_decoder_diffusers")]
    [TestCase("vae_decoder_f16")]
    [TestCase("vae_decoder_dynamic")]
    public void ComputeTheSame(string name)
    {
        string path = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "sd15", $"{name}.onnx");
        Model model = Model.Load(path);
        Dictionary<string, TensorBuffer> inputs = model.Inputs.ToDictionary(input => input.Name, input => input.Name switch
        {
            "input_ids" => TestTensors.Random(ElementType.Int64, 1, 0, 199, 1, 16),
            "timestep" => TensorBuffer.Create<float>([437], 1),
            "encoder_hidden_states" => TestTensors.Floats(3, 1, 16, 20),
            _ => TestTensors.Floats(2, 1, 4, 8, 8),
        });
        KeyValuePair<string, TensorBuffer> expected = Oracle.Run(path, inputs).Single();
        using TemporaryFolder folder = new();
        model.SaveOnnxStream(folder["text"]);
        foreach (string file in Directory.GetFiles(folder["text"], "*_nchw.bin"))
        {
            File.Delete(file);
        }

        Model text = Model.Load(folder["text"]);
        foreach (ValueMetadata input in model.Inputs)
        {
            ValueMetadata read = text.Inputs.Single(other => other.Name == input.Name);
            Assert.That(read.ElementType, Is.EqualTo(input.ElementType));
            Assert.That(read.Dimensions!.Select(dimension => dimension.Value), Is.EqualTo(input.Dimensions!.Select(dimension => dimension.Value)));
        }

        using InferenceSession session = new(text, new SessionOptions { ThreadCount = 2 });
        Assert.That(TestTensors.RelativeRms(session.Run(inputs)[expected.Key], expected.Value), Is.LessThan(name.EndsWith("_f16", StringComparison.Ordinal) ? 5e-3 : 1e-4));
        text.SaveOnnx(folder["again.onnx"]);
        Assert.That(TestTensors.RelativeRms(Oracle.Run(folder["again.onnx"], inputs)[expected.Key], expected.Value), Is.LessThan(name.EndsWith("_f16", StringComparison.Ordinal) ? 5e-3 : 1e-4));
    }
}
