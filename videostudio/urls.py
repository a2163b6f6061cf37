"""The site's addresses."""

from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path
from django.utils.translation import gettext_lazy

from videostudio import views

admin.site.login = secure_admin_login(admin.site.login)  # one sign-in, one set of limits
admin.site.site_header = admin.site.site_title = "VideoStudio"
admin.site.index_title = gettext_lazy("Operations")

handler400 = "videostudio.views.bad_request"
handler500 = "videostudio.views.server_error"

accounts = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", account.signup, name="account_signup"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

urlpatterns = [
    path("v1/", include("generations.api.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("accounts/", include(accounts)),
    path("admin/", admin.site.urls),
    path("sandbox/", include("videostudio.sandbox.urls")),
    path("", include("generations.urls")),
]
