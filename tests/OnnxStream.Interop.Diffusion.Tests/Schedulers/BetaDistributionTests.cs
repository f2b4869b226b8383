using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class BetaDistributionTests
{
    // scipy.stats.beta.ppf
    [TestCase(0.001, 0.6, 0.6, 1.8558738517452e-05)]
    [TestCase(0.001, 2, 5, 0.00825549278774668)]
    [TestCase(0.001, 7.5, 0.8, 0.423926799553748)]
    [TestCase(0.1, 0.6, 0.6, 0.0395844055887808)]
    [TestCase(0.1, 2, 5, 0.0925952589131287)]
    [TestCase(0.1, 7.5, 0.8, 0.768954486278874)]
    [TestCase(0.5, 0.6, 0.6, 0.5)]
    [TestCase(0.5, 2, 5, 0.26444998329566)]
    [TestCase(0.5, 7.5, 0.8, 0.934516028701525)]
    [TestCase(0.93, 0.6, 0.6, 0.978056165310785)]
    [TestCase(0.93, 2, 5, 0.548819669062859)]
    [TestCase(0.93, 7.5, 0.8, 0.995476054356244)]
    public void Quantile_IsTheInverseOfTheDistribution(double probability, double alpha, double beta, double expected)
    {
        Assert.That(BetaDistribution.Quantile(probability, alpha, beta), Is.EqualTo(expected).Within(1e-10).Percent);
        Assert.That(BetaDistribution.Cumulative(expected, alpha, beta), Is.EqualTo(probability).Within(1e-10).Percent);
    }

    [Test]
    public void Quantile_EndsAtTheEnds() => Assert.That((BetaDistribution.Quantile(0, 0.6, 0.6), BetaDistribution.Quantile(1, 0.6, 0.6)), Is.EqualTo((0, 1)));
}
