namespace OnnxStream.Interop.Packages.Tests;

/// <summary>The full-size networks of Stable Diffusion 1.5 in the memory of a Raspberry Pi Zero 2 W; opt-in, because they have 4 GB.</summary>
public class SmallMachineTests
{
    private const string Variable = "ONNXSTREAM_SMALL_MACHINE";

    /// <param name="network">The network.</param>
    /// <param name="options">Options of <c>onnxstream run</c>. Images of 512 by 512 pixels in single precision are too large for this machine.</param>
    [TestCase("unet", "")]
    [TestCase("vae_decoder", "--activation-type f16")]
    public void FinishesInTheMemoryOfAPiZero(string network, string options)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Variable) is not "1")
        {
            Assert.Ignore($"Opt-in with {Variable}=1, on Linux: it reads networks of 4.1 GB that the benchmarks' 'generate' makes.");
        }

        string output = Tool.MustRun(Packages.Repository, "bash", ["tests/small-machine.sh", network, "--threads", "2", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.That(output, Does.Contain($"small-machine: {network} finished in"));
        TestContext.Out.WriteLine(output);
    }
}
